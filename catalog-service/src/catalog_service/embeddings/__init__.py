"""What cats mean, as vectors: made by a model beside the requests, used by search and by similar cats."""
