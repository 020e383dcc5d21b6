#!/usr/bin/env python3
"""`cost: {kind: table}` of a pool: steps priced by a user's own kernels.

    cost_table_test.py PROGRAM"""
import json
import pathlib

from tokenyard_cli import SMALL, CliTest, main

# Products of llama-3.1-8b split over two chips, (n, k): queries, keys and values; output; gate and up; down.
PRODUCTS = [(3072, 4096), (4096, 2048), (14336, 4096), (4096, 7168)]
HEADER = "gemm_dtype,m,n,k,latency\n"


class CostTable(CliTest):
    def table(self, name, tokens, milliseconds):
        self.write(name, HEADER + "".join(f"bfloat16,{m},{n},{k},{milliseconds}\n" for m in tokens for n, k in PRODUCTS))

    def play(self, name, cost=""):
        self.write(name + ".yaml", SMALL.replace("name: small", f"name: {name}").replace(
            "tensor: 2}", "tensor: 2}, precision: {weights: bf16}" + cost, 1))
        self.works("run", name + ".yaml")
        return json.loads((self.here / f"out/{name}/summary.json").read_text())

    def test_products_of_the_table_are_most_of_the_time_and_slow_ones_make_it_slower(self):
        self.table("gemm.csv", (1, 8192), 1.0)  # 1 ms a product whatever the tokens: 128 ms a step
        plain = self.play("plain")["pools"][0]["priced"]
        self.assertNotIn("from_table", plain)
        slow = self.play("slow", ", cost: {kind: table, files: [gemm.csv]}")
        self.assertGreater(slow["pools"][0]["priced"]["from_table"], 0.9)
        # 32 layers of four products: no step is shorter, and so no token comes sooner.
        self.assertGreaterEqual(slow["latency"]["tpot"]["p50_s"], 0.128)

    def test_outside_of_the_table_no_figure_moves(self):
        self.table("gemm.csv", (100_000, 200_000), 100.0)
        outside = self.play("same", ", cost: {kind: table, files: [gemm.csv]}")
        plain = self.play("same")
        for one in outside["confidence"]:
            self.assertEqual(one["reason"], "nothing with kernel tables of the user's own was measured")
        outside["confidence"] = plain["confidence"]
        self.assertEqual(outside, plain)

    def test_what_was_understood_runs_again_with_the_same_figures(self):
        self.table("gemm.csv", (1, 8192), 1.0)
        first = self.play("again", ", cost: {kind: table, files: [gemm.csv]}")
        resolved = next(self.here.glob("out/again/*.yaml"))
        self.works("run", resolved, "--out", "elsewhere")
        second = json.loads((self.here / "elsewhere/again/summary.json").read_text())
        self.assertEqual(first, second)

    def test_a_wrong_cell_is_told_with_key_and_file_and_line_and_column(self):
        self.write("gemm.csv", HEADER + "bfloat16,1,3072,4096,0.05 ms\n")
        self.write("x.yaml", SMALL.replace("tensor: 2}", "tensor: 2}, cost: {kind: table, files: [gemm.csv]}", 1))
        line = self.refused("run", "x.yaml")
        self.assertIn("pools.serve.cost.files: ", line)
        path = pathlib.Path(self.here / "gemm.csv").resolve()
        self.assertIn(f"{path}:2: column 'latency': '0.05 ms' is not a number; figures stand without a unit", line)

    def test_a_product_above_the_peaks_of_the_chip_is_refused(self):
        self.write("gemm.csv", HEADER + "bfloat16,1,4096,4096,0.0001\n")  # 33.6 MB in 0.1 us
        self.write("x.yaml", SMALL.replace("tensor: 2}", "tensor: 2}, cost: {kind: table, files: [gemm.csv]}", 1))
        line = self.refused("run", "x.yaml")
        self.assertIn("gemm.csv:2: gemm.bf16: m 1, n 4096, k 4096 in 0.1 us would be 335.7 TB/s", line)

    def test_a_table_without_a_kernel_of_steps_is_refused(self):
        self.write("scale.csv", "op_name,quant_dtype,m,k,latency\ncompute_scale,fp8,64,2048,0.008\n")
        self.write("x.yaml", SMALL.replace("tensor: 2}", "tensor: 2}, cost: {kind: table, files: [scale.csv]}", 1))
        self.assertIn("hold no kernel that steps are priced by; they hold: compute scale.fp8", self.refused("run", "x.yaml"))


if __name__ == "__main__":
    main()
