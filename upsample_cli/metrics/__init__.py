"""Figures of pictures, kernels and layers: the checkerboard in them, PSNR and SSIM."""
