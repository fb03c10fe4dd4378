import RefrainKernels

extension StepMemory {
  /// The gradient of every argument, from what the way back left; nil where there is none.
  func argumentGradients() -> [Tensor?] {
    var sums = [Tensor?](repeating: nil, count: arguments.count)
    func add(_ gradient: Tensor, to argument: Int) {
      let gradient = gradient.reshaped(arguments[argument].shape)
      guard var sum = sums[argument].take() else {
        sums[argument] = gradient
        return
      }
      sum.add(gradient: gradient)
      sums[argument] = sum
    }
    // The weights whose products went into the same sums share these.
    var products: [(dz: Register, weights: [(weight: Int, bias: Int?, x: Register)])] = []
    for gradient in program.argumentGradients {
      switch gradient {
      case .weight(let weight, let bias, let x, let dz):
        if let known = products.firstIndex(where: { $0.dz == dz }) {
          products[known].weights.append((weight, bias, x))
        } else {
          products.append((dz, [(weight, bias, x)]))
        }
      case .sum(let argument, let dz, let x, let isNegative):
        let sum = columnSums(dz, x)
        let whole = arguments[argument].count == 1 && dz.width > 1 ? sum.sum() : sum
        add(isNegative ? -whole : whole, to: argument)
      case .normalization(let gain, let shift, let x, let means, let deviations, let dz):
        let (gainGradient, shiftGradient) = normalizationGradients(x, means, deviations, dz)
        add(gainGradient, to: gain)
        add(shiftGradient, to: shift)
      }
    }
    for (dz, weights) in products {
      let matrix = matrix(dz)
      let sums = WeightSums(count: schedule.count, width: dz.width, sources: [(P(matrix.pointer), matrix.stride)])
      let gradients = sums.gradients(weights.map { (WeightSums.Operand(rows: rows($0.x), size: $0.x.width), [0]) })
      for (weight, gradient) in zip(weights, gradients) {
        add(gradient.weight, to: weight.weight)
        if let bias = weight.bias { add(gradient.bias, to: bias) }
      }
    }
    return sums
  }

  /// A kept register as a matrix `[N, W]`.
  private func matrix(_ register: Register) -> (pointer: M, stride: Int) {
    guard schedule.steps > 0 else { return (M(bitPattern: 64)!, 0) }
    return (address(register, step: 0, row: 0), stride(register))
  }

  /// Where each packed row of a register begins.
  private func rows(_ register: Register) -> [P] {
    if register.buffer == program.input.buffer {
      let values = input.storage.address + register.column
      return schedule.positions.map { values + $0 * program.input.width }
    }
    var rows: [P] = []
    rows.reserveCapacity(schedule.count)
    let stride = stride(register)
    for (step, alive) in schedule.alive.enumerated() {
      let first = P(address(register, step: step, row: 0))
      for row in 0..<alive { rows.append(first + row * stride) }
    }
    return rows
  }

  /// The sums of the columns of dz, or of dz ⊙ x, over all packed rows.
  private func columnSums(_ dz: Register, _ x: Register?) -> Tensor {
    let (gradients, values) = (matrix(dz), x.map(matrix))
    let count = schedule.count
    return Tensor([dz.width]) { sums in
      kernels.fill(dz.width, 0, sums)
      parallel(dz.width, grain: max(16, 1 << 15 / max(count, 1)), multiple: 16) { columns in
        let first = columns.lowerBound
        if let values {
          kernels.sumProductRows(
            count, columns.count, gradients.pointer + first, gradients.stride, values.pointer + first, values.stride,
            sums + first)
        } else {
          kernels.sumRows(count, columns.count, gradients.pointer + first, gradients.stride, sums + first)
        }
      }
    }
  }

  private func normalizationGradients(
    _ x: Register, _ means: Register, _ deviations: Register, _ dz: Register
  ) -> (gain: Tensor, shift: Tensor) {
    var (gain, shift) = (Tensor.zeros([dz.width]), Tensor.zeros([dz.width]))
    let (values, gradients) = (matrix(x), matrix(dz))
    let (means, deviations) = (matrix(means).pointer, matrix(deviations).pointer)
    gain.write { gain in
      shift.write { shift in
        parallel(dz.width, grain: max(16, 1 << 15 / max(schedule.count, 1)), multiple: 16) { columns in
          let first = columns.lowerBound
          kernels.layerNormParameterGradientRows(
            schedule.count, columns.count, values.pointer + first, values.stride, means, deviations,
            gradients.pointer + first, gradients.stride, gain + first, shift + first)
        }
      }
    }
    return (gain, shift)
  }
}
