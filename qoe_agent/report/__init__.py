"""What people and other programs read: documents, tables, pages."""
