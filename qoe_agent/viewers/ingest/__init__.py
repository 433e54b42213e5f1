"""Viewers' events over HTTP: taken in by a process of its own, on disk before they are acknowledged.

`/in/KEY/cmcd`, `/in/KEY/events`, `/in/KEY/rtmp`, `/in/KEY/srs`, `/in/KEY/mediamtx` and `/in/KEY/beacon.js`; KEY is a
public key of a source in the configuration, and may write only. `keeper` is the parent's side.
"""
