"""A picture of a page -> its ink, without printed lines and boxes, grouped into straightened lines. Needs OpenCV."""
