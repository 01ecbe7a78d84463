"""The Scenes API v0: what is asked, who may ask it, and how it is answered."""
