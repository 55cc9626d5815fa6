/* AGGREGATE(word, kind, argument, doc): what `stats` and `timechart` can work out. Kind is how it is kept (aggregate.c); argument that
 * kind's number. The parser and the table of docs/reference/pipes.md come from here. */
AGGREGATE(count, COUNT, 0, "rows; with a field: rows that have it")
AGGREGATE(dc, DISTINCT, 0, "distinct values, exactly")
AGGREGATE(sum, SUM, 0, "sum of the numbers; 0 without any")
AGGREGATE(min, BEST, -1, "least number; without any, the least text")
AGGREGATE(max, BEST, 1, "greatest number; without any, the greatest text")
AGGREGATE(avg, MEAN, 0, "mean of the numbers")
AGGREGATE(p50, PERCENTILE, 50, "the number that half of the numbers are not above (nearest rank)")
AGGREGATE(p95, PERCENTILE, 95, "the same for 95 in 100")
AGGREGATE(p99, PERCENTILE, 99, "the same for 99 in 100")
AGGREGATE(first, EDGE, 0, "value of the first row that has the field")
AGGREGATE(last, EDGE, 1, "value of the last row that has it")
AGGREGATE(values, VALUES, 0, "list of the distinct values, sorted by bytes")
