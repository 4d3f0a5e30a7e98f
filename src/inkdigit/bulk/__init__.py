"""Whole collections, predicted or read part by part: any number of rows or pictures in bounded memory."""
