"""What one `prove` found, for people and programs: a screen, a page, a document, and two of them compared."""
