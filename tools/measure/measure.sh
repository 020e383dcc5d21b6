#!/usr/bin/env bash
# Measures the kernels of models/catalog/measured on the GPU of this machine: tools/measure/measure.sh OUT (2 minutes)
# Needs python3 with PyTorch and Triton. Neither the build nor the tests run it.
set -u
out=${1:?usage: measure.sh OUT}
here=$(dirname "$(realpath "$0")")
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv > "$out/machine.csv"
# Triton compiles to a cache on disk, here for all sections at once.
for section in norm activation quantise rotary kv_write rest; do
  python3 "$here/small_kernels.py" "$out" --warm --only "$section" &
done
wait
python3 "$here/small_kernels.py" "$out"
python3 "$here/layers.py" "$out"
python3 "$here/products.py" "$out"
