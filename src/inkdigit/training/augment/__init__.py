"""What a training image may go through."""
