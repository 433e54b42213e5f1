"""What measurements say together: pooled, paired, with intervals; rates against quality. Pure."""
