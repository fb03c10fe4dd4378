import RefrainTestSupport
import Testing

@testable import Refrain

/// The values rounded to bfloat16, as floats: what is rounded of them is themselves.
private func whole(_ tensor: Tensor) -> Tensor {
  let rows = tensor.reshaped([tensor.count / (tensor.shape.last ?? 1), tensor.shape.last ?? 1])
  // A matrix of one row stays as it is.
  let rounded = concatenate([rows, rows], axis: 0).roundedToBFloat16().slice(0..<rows.shape[0], axis: 0)
  return Tensor(rounded.values, shape: tensor.shape)
}

@Suite struct `A matrix of bfloat16` {
  private func matrix(_ rows: Int, _ columns: Int) -> Tensor { ramp([rows, columns], 0.7) }

  @Test func `holds the nearest numbers of eight bits, even in a tie`() {
    let values: [Float] = [1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8, 1 + 0x1.01p-8, 0, -.infinity, 0x1p-140, .nan]
    let rounded = Tensor(values, shape: [2, 4]).roundedToBFloat16()
    let expected: [Float] = [1, 1 + 0x1p-6, -1, 1 + 0x1p-7, 0, -.infinity]
    #expect(Array(rounded.values[..<6]) == expected)
    #expect(rounded.values[6] == 0 && rounded.values[7].isNaN)
    let (original, matrix) = (matrix(5, 40), matrix(5, 40).roundedToBFloat16())
    #expect(matrix.isBFloat16 && !original.isBFloat16 && original.values != matrix.values)
    for (one, other) in zip(original.values, matrix.values) {
      #expect(abs(one - other) <= abs(one) * 0x1p-8 && other.bitPattern & 0xFFFF == 0)
    }
    expectSameBits(matrix.roundedToBFloat16(), matrix)
  }

  @Test func `is made of matrices alone, and is one of floats again once it is written`() {
    #expect(!matrix(1, 64).roundedToBFloat16().isBFloat16 && !ramp([64], 0).roundedToBFloat16().isBFloat16)
    var tensor = matrix(3, 40).roundedToBFloat16()
    let copy = tensor
    tensor[0, 0] = 0.123
    #expect(!tensor.isBFloat16 && tensor[0, 0] == 0.123 && copy.isBFloat16)
    var alone = matrix(3, 40).roundedToBFloat16()
    _ = ramp([2, 40], 1).linear(weight: alone, bias: .zeros([3]))
    alone[1, 1] = 5
    expectSameBits(
      ramp([2, 40], 1).linear(weight: alone, bias: .zeros([3])),
      ramp([2, 40], 1).linear(weight: asFloats(alone), bias: .zeros([3])))
  }

  @Test func `has products where the processor has instructions for them, and rows are long enough`() {
    let weight = matrix(3, 40).roundedToBFloat16()
    #expect((weight.quantizedProducts != nil) == (bfloat16Kernels != nil))
    #expect(matrix(3, 31).roundedToBFloat16().quantizedProducts == nil)
    #expect(matrix(3, 40).quantizedProducts == nil)
    #expect((weight.weightRows(1..<3).quantizedProducts != nil) == (bfloat16Kernels != nil))
  }

  @Test func `multiplies rounded rows exactly, but for the rounding of sums`() {
    for (rows, columns, depth) in [(1, 70, 64), (9, 33, 101), (40, 130, 33)] {
      let weight = matrix(columns, depth).roundedToBFloat16()
      let x = whole(ramp([rows, depth], 0.2))
      let bias = ramp([columns], 2)
      for activation in [Activation.identity, .tanh] {
        expectClose(
          x.linear(weight: weight, bias: bias, activation: activation),
          x.linear(weight: asFloats(weight), bias: bias, activation: activation),
          within: Tolerance(relative: 1e-5, absolute: 1e-5))
      }
      expectClose(
        x.matrixProduct(weight, transposingOther: true), x.matrixProduct(asFloats(weight), transposingOther: true),
        within: Tolerance(relative: 1e-5, absolute: 1e-5))
    }
  }
}

@Suite struct `A cell of bfloat16` {
  @Test("takes a step from rounded numbers as one of floats does", arguments: CellTests.names, [3, 48])
  func step(name: String, inputSize: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for hiddenSize in [32, 51] {
        var passage = Passage<Cell>(batch: 7, time: 1, inputSize: inputSize, hiddenSize: hiddenSize)
        passage.cell = passage.cell.roundedToBFloat16()
        passage.input = whole(passage.input)
        passage.state.forEachTensor { name, tensor in if name == "hidden" { tensor = whole(tensor) } }
        var floats = passage
        floats.cell = asFloats(passage.cell)
        let schedule = Schedule(batch: 7, time: 1, lengths: [1, 1, 0, 1, 1, 1, 1])
        // A second product of a step sees what was not rounded.
        let bound: Float = isOfOneProduct(type) ? 2e-5 : 0.05
        expectClose(
          passage.outcome(schedule), floats.outcome(schedule), within: Tolerance(relative: bound, absolute: bound / 2))
      }
    }
    check(try cellType(name))
  }

  @Test func `gives the same bits with any number of threads, and so does a dense map`() {
    let threads = Parallelism.threads
    defer { Parallelism.threads = threads }
    let passage = Passage<LSTMCell>(batch: 29, time: 5, inputSize: 65, hiddenSize: 150)
    let cell = passage.cell.roundedToBFloat16()
    let weight = ramp([1000, 65], 1).roundedToBFloat16()
    var results: [(Tensor, Tensor, Tensor)] = []
    for count in [1, 2, 3] {
      Parallelism.threads = count
      let outputs = cell.scan(passage.input, from: passage.state, along: Schedule(batch: 29, time: 5)).outputs
      let x = passage.input.at(0, axis: 1)
      results.append(
        (
          outputs, x.linear(weight: weight, bias: .zeros([1000])),
          x.slice(0..<1, axis: 0).linear(weight: weight, bias: .zeros([1000]))
        ))
    }
    for result in results {
      expectSameBits(result.0, results[0].0)
      expectSameBits(result.1, results[0].1)
      expectSameBits(result.2, results[0].2)
      expectSameBits(result.2, result.1.slice(0..<1, axis: 0))
    }
  }

  @Test func `is really of bfloat16, where the processor has it`() {
    let hasProducts = bfloat16Kernels != nil
    let cell = Passage<LSTMCell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 32).cell
    #expect(cell.weightFormat == .floats)
    #expect(cell.roundedToBFloat16().weightFormat == (hasProducts ? .hiddenBFloat16 : .floats))
    let passage = Passage<LSTMCell>(batch: 2, time: 3, inputSize: 32, hiddenSize: 32)
    let wide = passage.cell.roundedToBFloat16()
    #expect(wide.weightFormat == (hasProducts ? .bfloat16 : .floats))
    // Rows are rounded, so that the two differ.
    let schedule = Schedule(batch: 2, time: 3)
    let (halves, floats) = (
      wide.scan(passage.input, from: passage.state, along: schedule),
      asFloats(wide).scan(passage.input, from: passage.state, along: schedule)
    )
    #expect((halves.outputs.values != floats.outputs.values) == hasProducts)
  }

  @Test func `whose input weights are bytes multiplies its input as floats`() {
    var cell = Passage<LSTMCell>(batch: 2, time: 3, inputSize: 40, hiddenSize: 48).cell.roundedToBFloat16()
    cell.weightInput = cell.weightInput.quantized()
    #expect(cell.weightFormat == (bfloat16Kernels == nil ? .floats : .hiddenBFloat16))
  }
}
