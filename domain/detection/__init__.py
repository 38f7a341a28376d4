"""
From an engine's counts to findings. Pure: takes values and a state, returns findings and the next state.

    needs       what a kind of check may ask of the engine
    data        the answers, as arrays: counts, tallies, histograms, a metric, ages … by window and slice
        │
    kinds       one file a kind: its options, what it needs, how it judges, how it is measured again (`kind`);
        │       found by entry point, a team's own like ours (`own`)
        ▼
    expect      what is usual: season, level, scatter, rates, shares
    judge       p-values ─▶ discovery (Benjamini–Hochberg in a look, LORD++ from look to look) ─▶ `tail`
    slices      the fewest slices that explain what was found
        │           displaced       a surge without more rows in all is reported as the drop behind it
        │           common_change   for a ratio: the slices whose common change explains cells best
        │           renamed         values whose rows were taken over by others are reported as one
    exposure    what items were shown against their expected exposure
        ▼
    Findings ─▶ correlate: one incident for one cause
"""
