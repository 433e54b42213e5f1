"""An audience whose truth is known: simulated sessions of viewers, as reporting shows them, and what is really so.

`plan` says what is simulated, `sent` what is sent, `people` who comes, `fates` when they go, `truth` what is to be
found. `seen` and `reports` say what a collector gets to see of it, `tell` in which words, `files` and `drive` where
that goes.
"""
