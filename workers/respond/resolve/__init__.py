"""From a diagnosis to a hotfix in force: priced, deployed, watched, widened, renewed."""
