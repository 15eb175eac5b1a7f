"""Score a checkpoint on every contrast and at falling resolution.

python evaluate_robustness.py --checkpoint results/demo/models/model_A_best.pt \
        --data results/demo/phantom_data/cases.csv
"""

from spinesynth.cli import run_script

if __name__ == "__main__":
    run_script("evaluate")
