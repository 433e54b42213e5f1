"""Parsers without input or output: bytes and their arrival time in, observations out."""
