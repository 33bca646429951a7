# Lines "NAME MEDIAN MINIMUM MEGABYTES RUNS", seconds; the first is ours, the rest are peers'.
function span(s) { return s < 0.1 ? sprintf("%8.2f ms", s * 1e3) : sprintf("%8.3f s ", s) }
BEGIN { printf "  %-26s %11s %11s %9s %5s   %s\n", "", "median", "minimum", "memory", "runs", "ours / theirs" }
{
    if (NR == 1) { median = $2; least = $3; ratio = ""; mine = $4 }
    else {
        ratio = sprintf("%.3f  %.3f", median / $2, least / $3)
        if (!best_median || $2 < best_median) best_median = $2
        if (!best_least || $3 < best_least) best_least = $3
    }
    printf "  %-26s %11s %11s %6.1f MB %5d   %s\n", $1, span($2), span($3), $4, $5, ratio
}
END {
    if (NR == 0) exit
    if (mine > 48) printf "  memory: %.1f MB, over its 48 MB\n", mine
    if (budget == "-" || NR == 1) exit
    m = median / best_median; l = least / best_least
    printf "  of the best: %.3f (minima %.3f), budget %.3f: %s\n", m, l, budget, m <= budget ? "within" : l <= budget ? "within by the minima alone" : "OVER"
}
