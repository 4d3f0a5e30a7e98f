"""A picture of a page -> its ink, lines and boxes."""
