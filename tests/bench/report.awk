# Lines "NAME MEDIAN MINIMUM MEGABYTES RUNS WORK", times in seconds; the first is ours, the rest are
# peers'. The budget is of the peer that is fastest by the same measure.
function span(s) { return s < 0.1 ? sprintf("%7.2f ms", s * 1e3) : sprintf("%7.3f s ", s) }
function least(a, b) { return !a || b < a ? b : a }
function part(mine, theirs) { return theirs > 0 ? mine / theirs : 0 }
BEGIN { printf "  %-24s %10s %10s %10s %9s %4s   %s\n", "", "median", "minimum", "work", "memory", "runs", "ours / theirs: median, minimum, work" }
{
    ratio = ""
    if (NR == 1) { median = $2; minimum = $3; work = $6; memory = $4 }
    else {
        ratio = sprintf("%.3f  %.3f  %.3f", part(median, $2), part(minimum, $3), part(work, $6))
        best_median = least(best_median, $2); best_minimum = least(best_minimum, $3)
    }
    printf "  %-24s %10s %10s %10s %6.1f MB %4d   %s\n", $1, span($2), span($3), span($6), $4, $5, ratio
}
END {
    if (NR == 0) exit
    if (memory > 48) printf "  memory: %.1f MB, over its 48 MB\n", memory
    if (budget == "-" || NR == 1) exit
    m = part(median, best_median); l = part(minimum, best_minimum)
    printf "  of the best: %.3f (minima %.3f), budget %.3f: %s\n", m, l, budget, m <= budget ? "within" : l <= budget ? "within by the minima alone" : "OVER"
}
