"""Importers: what other collectors export, as plain events or rows of sessions.

Each module has `rows(lines, chosen)`, which reads one file's lines and gives JSON objects by the documented schemas. It
takes what it knows by name and nothing else: addresses, user agents, pages and query strings stay behind.
"""
