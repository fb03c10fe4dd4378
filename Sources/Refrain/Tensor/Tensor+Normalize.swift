import RefrainKernels

extension Tensor {
  /// Each row along the last axis brought to mean 0 and variance 1, times `gain`, plus `shift`, each `[I]`.
  func normalized(gain: Tensor, shift: Tensor, epsilon: Float = 1e-5) -> Tensor {
    let (_, width) = rowsAndWidth
    require(
      gain.shape == [width] && shift.shape == [width],
      "LayerNorm of size \(gain.count) on an input of shape \(shape)")
    return Operations.Normalize(epsilon: epsilon)(self, gain, shift)
  }
}

extension Operations {
  /// Of x, a gain and a shift: rows along the last axis brought to mean 0 and variance 1, scaled and shifted.
  package struct Normalize: OperationOfThree {
    package let epsilon: Float

    @inline(never)
    package func callAsFunction(_ input: Tensor, _ gain: Tensor, _ shift: Tensor) -> Tensor {
      let (rows, width) = input.rowsAndWidth
      guard width > 0 else { return input }
      let statistics = Storage(count: 2 * rows)
      let result = Tensor(input.shape) { target in
        read(input, gain, shift) { x, gain, shift in
          let (means, deviations) = (statistics.pointer, statistics.pointer + rows)
          kernels.layerNormRows(
            LayerNormArguments(
              rows: rows, columns: width, epsilon: epsilon, x: x, xStride: width, gain: gain, shift: shift,
              accumulate: false, y: target, yStride: width, means: means, inverseDeviations: deviations))
        }
      }
      guard let recorder = Recording.current else { return result }
      return recorder.record(self, of: [input, gain, shift], [result]) { gradients in
        guard let gradient = gradients[0] else { return [nil, nil, nil] }
        let (means, deviations) = (statistics.pointer, statistics.pointer + rows)
        var (gainGradient, shiftGradient) = (Tensor.zeros([width]), Tensor.zeros([width]))
        let inputGradient = Tensor(input.shape) { target in
          read(input, gain, gradient) { x, gain, dy in
            gainGradient.write { gainGradient in
              shiftGradient.write { shiftGradient in
                kernels.layerNormGradientRows(
                  LayerNormGradientArguments(
                    rows: rows, columns: width, x: x, xStride: width, gain: gain, means: means,
                    inverseDeviations: deviations, dy: dy, dyStride: width, dx: target, dxStride: width,
                    dgain: gainGradient, dshift: shiftGradient, sumStride: 0, rowsPerSum: 1))
              }
            }
          }
        }
        withExtendedLifetime(statistics) {}
        return [inputGradient, gainGradient, shiftGradient]
      }[0]
    }
  }
}
