"""HTTP as the services need it: requests, answers, keys bound to origins, and hosts that nobody is led to."""
