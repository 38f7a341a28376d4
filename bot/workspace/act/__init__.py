"""What people do in the workspace: press, fill in, type; by hand or by a test."""
