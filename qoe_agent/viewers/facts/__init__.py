"""Facts: events on disk before they are acknowledged, then in Parquet files by day.

A folder of facts holds

- `log/N.open` and `log/N.log`: segments of the write-ahead log, the first being written, the others closed;
- `events/day=YYYY-MM-DD/N.parquet`: segment N, by the UTC day on which it was opened. The log turns to a new segment at
  midnight, so that one segment becomes one file of one day, by one rename; events that came late lie in the day on
  which they came. `N-M.parquet` is N to M merged;
- `forgotten.json`: users whose events in the log are yet to be left out.

What is in a Parquet file is no longer taken from the log, and a file inside the range of another is no longer taken at
all: so each rename moves events from one place to the next without a moment in which they are in both or in none.
"""
