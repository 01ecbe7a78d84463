"""HTTP as the services need it: requests, answers, keys bound to origins, and hosts to which no link may lead."""
