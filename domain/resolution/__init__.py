"""What can be done and what it costs: kinds of hotfixes, their prices, stages and rehearsals."""
