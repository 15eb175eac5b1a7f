"""Score models side by side on degraded scans.

python evaluate_robustness.py --model A=results/demo/models/model_A_best.pt \
        --model B=results/demo/models/model_B_best.pt --data results/demo/phantom_data/cases.csv
"""

from spinesynth.cli import run_script

if __name__ == "__main__":
    run_script("robustness")
