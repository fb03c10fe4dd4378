import RefrainKernels

extension StepMemory {
  /// The gradient of every argument, from what the backward pass left; nil where there is none.
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
      case .sum(let argument, let sums, let isNegative):
        let sum = columnSums(sums)
        let whole = arguments[argument].count == 1 && sums.width > 1 ? sum.sum() : sum
        add(isNegative ? -whole : whole, to: argument)
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

  /// The sums of the rows of a register of sums.
  private func columnSums(_ sums: Register) -> Tensor {
    Tensor([sums.width]) { total in
      kernels.fill(sums.width, 0, total)
      guard let values = storages[sums.buffer] else { return }
      kernels.sumRows(sumRows, sums.width, values.address + sums.column, stride(sums), total)
    }
  }
}
