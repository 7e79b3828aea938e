"""`eleanor bench quality`: how well critics and detectors tell labelled texts apart.

`sets` reads labelled texts, `judges` says whose score counts, `run` asks the engine, `tally` and
`measures` compute, `bootstrap` says how far a figure can be trusted, `report` is what comes out,
and `table`, `page` and `baseline` show it. Nothing here sees a plugin's code or changes a setting.
"""
