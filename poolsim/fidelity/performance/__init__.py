"""The third tier (T3): are latencies, throughput, rejections and waits what was predicted?"""
