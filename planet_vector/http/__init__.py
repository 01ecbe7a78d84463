"""HTTP client of the services: requests, responses, keys bound to origins, and checks of links to private hosts."""
