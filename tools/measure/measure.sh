#!/usr/bin/env bash
# Measures the kernels of models/catalog/measured on the GPU of this machine: tools/measure/measure.sh OUT (6 minutes)
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
for layer in r1/8 "r1/8 alone" qwen3-next mixtral/8 "qwen3-30b bf16" "mixtral/8 bf16"; do
  python3 "$here/experts.py" "$out" --warm --only "$layer" &
done
wait
python3 "$here/small_kernels.py" "$out"
python3 "$here/layers.py" "$out"
python3 "$here/products.py" "$out"
python3 "$here/experts.py" "$out"
python3 "$here/sustained.py" "$out"
python3 "$here/decode_clocks.py" "$out"
