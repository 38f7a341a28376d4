"""The kinds of hotfixes, one file each."""
