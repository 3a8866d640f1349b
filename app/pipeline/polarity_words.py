"""The words by which English denies, doubts, plans, and speaks of relatives."""

NEGATING_VERBS = frozenset({"deny", "lack", "exclude", "omit"})
"""What they are said of is not so."""
NEGATING_VERBS_BEFORE_VERBS = frozenset({"fail", "decline", "refuse", "avoid", "forbid", "prohibit"})
"""Only before another verb: who "failed to pay" did not pay; a value that "declined to 3.2" did."""
NEGATING_ADJECTIVES = frozenset({"negative", "free", "absent", "unable", "unlikely", "unrelated", "unconnected"})
REJECTING_VERBS = frozenset({"deny", "reject", "dispute", "contest", "refute"})
"""A claim that is rejected is not so."""
INVESTIGATING_VERBS = frozenset({"investigate", "screen", "evaluate", "assess", "refer"})
"""What somebody is investigated for is not established."""
ENDING_VERBS = frozenset({"stop", "cease", "discontinue", "terminate", "withhold"})
"""An event of its own: the fact "stopped" is so, and what was stopped is not any more."""
HEDGING_MODALS = frozenset({"may", "might", "could", "would"})
HEDGING_WORDS = frozenset(
    (
        "possible possibly probable probably likely suspected suspect suspicious presumed presumably apparently "
        "perhaps suggest suggests suggested suggestive questionable potential potentially alleged allegedly "
        "reportedly unclear consider considered differential maybe unconfirmed rumoured rumored hardly scarcely barely "
        "rarely seldom"
    ).split()
)
HEDGING_NOUNS = frozenset(
    (
        "suspicion possibility likelihood allegation rumour rumor claim belief assumption hypothesis indication "
        "suggestion"
    ).split()
)
UNSURE_VERBS = frozenset(
    (
        "suspect suggest consider presume allege claim believe think assume speculate fear doubt wonder question "
        "hypothesize hypothesise assert argue contend insist"
    ).split()
)
"""What follows them is not established."""
PLANNING_WORDS = frozenset({"planned", "scheduled", "intends", "plans", "proposes"})
PLANNING_VERBS = frozenset({"plan", "intend", "propose", "schedule", "expect", "aim", "hope", "want", "wish"})
PAST_WORDS = frozenset({"formerly", "previously", "historically"})
FAMILY = frozenset(
    (
        "mother father parents wife husband spouse son daughter sister brother sibling aunt uncle "
        "grandmother grandfather grandparent grandparents grandson granddaughter cousin niece nephew mum mom dad "
        "stepmother stepfather stepson stepdaughter relative"
    ).split()
)
FAMILY_OF_SOMEBODY = frozenset({"child", "partner", "family", "twin", "parent"})
FAMILY_SIDES = frozenset({"family", "familial", "maternal", "paternal"})
