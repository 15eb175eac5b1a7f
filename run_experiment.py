"""Train on synthetic images (A) and on real ones (B), test both on unseen scans, report.

python run_experiment.py --config configs/demo.yaml
python run_experiment.py --config configs/real_cpu.yaml --data PATH/cases.csv
"""

from spinesynth.cli import run_script

if __name__ == "__main__":
    run_script("experiment")
