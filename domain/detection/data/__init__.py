"""What a check is given: counts, histograms, outcomes and times, as arrays by window and slice."""
