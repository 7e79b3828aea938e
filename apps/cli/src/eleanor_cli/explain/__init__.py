"""Why it was decided so, for four readers: the person concerned, operator, engineer, auditor.

What is said comes from the result, from the declarations of the plugins that judged and from the
settings in force. Nothing is made up, and what a voice said is quoted as it said it.
"""
