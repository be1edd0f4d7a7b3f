"""Grants: the smallest key that does the job, one blob, one verb, minutes.

``grants`` mints them and is pure; ``string_to_sign`` is the text that is signed; ``keys`` says with which key;
``signer`` puts the three together for the use cases; ``probe`` measures the one thing the store must be asked.
"""
