"""The canaries: secrets planted wherever something can be planted, and looked for wherever bytes come out."""
