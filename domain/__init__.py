"""
The life of one incident.

                 IncidentOpened ──── FindingRepeated* · FindingJoined*
                      │
                    open ── IncidentAcknowledged ─▶ acknowledged ── IncidentDismissed ─┐
                      │            (notes, assignments, severities at any time)        │
                      │ DiagnosisGathered · MenuPrepared   (DiagnosisRequested: again) │
                      ▼                                                                │
        HotfixChosen ─▶ HotfixApproved ─▶ HotfixApplied ─▶ HotfixVerified              │
             │                │                │                 │                     │
       HotfixRejected    HotfixFailed    HotfixRefuted     IncidentResolved ◀──────────┘
                                               │                 │  ▲        └─ IncidentReopened ─▶ open
                                         HotfixReverted          ▼  │
                                                   FollowUpProposed · FollowUpAnswered
                                                                 │
                                                          IncidentClosed

Once an answer changes something, closed or not:
    FollowUpAssigned ─▶ ChangeWritten | ChangeProposed | ChangeHandedOver ─▶ FollowUpDone | FollowUpDropped
                         │                   └─ PullRequestClosed ─▶ ChangeProposed | FollowUpAnswered
                         └─ TakeBackRequested ─▶ ChangeTakenBack | ChangeLeft      (FollowUpReminded: once)

At any time, after the end too: TimeCorrected · OnsetCorrected · NoteCorrected · SeverityCorrected.
"""
