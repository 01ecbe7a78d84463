"""Searches as columns and rows: filters narrowed to what the service supports, results cached."""
