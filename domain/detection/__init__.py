"""
From counted windows to findings. Pure: a frame and a state in, findings and the next state out.

    Counts (one table, one grid of windows)
        │ volume        the total against its own season, level and scatter          (baseline)
        │ slice_volume  every slice's share of the total against its own past        (share, habit)
        │ freshness     the silence since the last row against the usual silences
        │ series        a metric, whole and by slice, against its own extremes       (season, strain, alarm)

    Tally, Histograms, Columns (what rows hold: by window, slice and column)
        │ missing, domain, duplicates, references    wrong rows against the usual share  (rate, wrong)
        │ drift         a distribution against its past ones, and by how much     (distribution)
        │ schema        columns against those accepted or declared
        │ numeric       NaN, infinities, explosions, one value in the place of many
        │ scores        a model's scores, as drift
        │ latency       answers slower than the usual or the promised quantile    (rate)
        │ joins, disagreements           rows that find none elsewhere, or hold another value there  (wrong)
        │ stages, sampling, versions     too small or too large a part, usual or promised  (portion)

    Outcomes, Fed, Metric, Runs, Ages (what a model says, is fed, is worth, learned; how old it is)
        │ calibration   scores as chances against what is chosen of them          (ratio)
        │ skew          a feature as it is fed against how it was learned         (distribution)
        │ metric        AUC, NDCG, log loss … of logged rankings, as a series     (series)
        │ training      the newest run's numbers against the runs before
        │ staleness     how old what serves is, against a promise or the usual    (freshness)

    any of them, or a frame of its own
        │ own           a check that a team brings: its judgements, of all that it looks at     (judgement)
        ▼
    p-values ─▶ discovery (Benjamini–Hochberg in a tick, LORD++ from tick to tick)
        ▼
    localise, narrow: the fewest slices that explain what was found
        │ moved        a surge without more rows in all is told as the drop it comes from
        │ renamed      values whose rows others took over are told as one
        ▼
    Findings
"""
