"""Parts of the pages: widgets and text, no algorithm."""
