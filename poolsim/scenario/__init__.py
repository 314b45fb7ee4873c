"""Everything a user writes: from the text of a file to a frozen Scenario.

Read in this order: `scenario` (what comes out), `units` and `fields` (single values), `entries`
(the blocks of a file), `document` (YAML with positions), `structure` (a block against its entry),
`options` with `java3_options` and `python_options` (the drivers), `resolve` and its neighbours
(what must fit together), `load` (the way in). `resolved` writes a Scenario back, `json_schema`
describes the format to editors, `warnings` says what runs but does not do what it seems to.
"""
