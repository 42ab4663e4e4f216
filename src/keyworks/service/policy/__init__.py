"""The factory as code: the policy as a document, what a change of it means, and how it comes into force.

The tables are the truth. The document is composed from them, in the transaction in which it is needed, so the
two cannot drift; a change is an other document, checked and compared as a whole, whoever asks for it.
"""
