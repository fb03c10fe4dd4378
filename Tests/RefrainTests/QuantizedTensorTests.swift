import RefrainTestSupport
import Testing

@testable import Refrain

@Suite struct `A quantized matrix` {
  private func matrix(_ rows: Int, _ columns: Int) -> Tensor { ramp([rows, columns], 0.7) }

  @Test func `holds the nearest of 255 values in each row, and gives them back`() throws {
    var original = matrix(5, 40)
    for column in 0..<40 { original[2, column] = 0 }
    let quantized = original.quantized()
    let (numbers, scales) = try #require(quantized.quantizedRows)
    #expect(scales[2] == 0 && numbers[80..<120].allSatisfy { $0 == 0 })
    for row in [0, 1, 3, 4] {
      let values = Array(original.values[row * 40..<row * 40 + 40])
      let largest = values.map(abs).max() ?? 0
      #expect(scales[row] == largest / 127)
      for column in 0..<40 {
        #expect(abs(quantized[row, column] - values[column]) <= 0.5001 * largest / 127)
      }
    }
    let again = Tensor(quantized: numbers, scales: scales, shape: [5, 40])
    expectSameBits(again, quantized)
    #expect(again.quantizedRows?.numbers == numbers && quantized.quantized().quantizedRows?.scales == scales)
  }

  @Test func `is made of what gains by it alone`() {
    #expect(matrix(3, 31).quantized().quantizedRows == nil)
    #expect(matrix(1, 64).quantized().quantizedRows == nil)
    #expect(ramp([64], 0).quantized().quantizedRows == nil)
    #expect(matrix(3, 32).quantized().quantizedRows != nil)
    #expect(ramp([4, 8, 8], 0).quantized().quantizedRows != nil)
    var infinite = matrix(3, 40)
    infinite[1, 1] = .infinity
    #expect(infinite.quantized().quantizedRows == nil)
  }

  @Test func `is one of floats again once it is written, and its copy is not`() {
    var tensor = matrix(3, 40).quantized()
    let copy = tensor
    tensor[0, 0] = 0.123
    #expect(tensor.quantizedRows == nil && tensor[0, 0] == 0.123)
    #expect(copy.quantizedRows != nil && copy[0, 0] != 0.123)
    var alone = matrix(3, 40).quantized()
    _ = ramp([2, 40], 1).linear(weight: alone, bias: .zeros([3]))
    alone[1, 1] = 5
    expectClose(
      ramp([2, 40], 1).linear(weight: alone, bias: .zeros([3])),
      ramp([2, 40], 1).linear(weight: asFloats(alone), bias: .zeros([3])))
  }

  @Test func `multiplies rows of whole numbers exactly, in a dense map and a product`() {
    // Rows whose largest magnitude is 127 sixteenths are whole numbers themselves.
    for (rows, columns, depth) in [(1, 70, 64), (9, 33, 100), (40, 130, 33)] {
      let weight = matrix(columns, depth).quantized()
      let x = Tensor(
        (0..<rows * depth).map { $0 % depth == 3 ? 127 / 16 : Float(($0 * 37) % 255 - 127) / 16 },
        shape: [rows, depth])
      let bias = ramp([columns], 2)
      for activation in [Activation.identity, .tanh] {
        expectClose(
          x.linear(weight: weight, bias: bias, activation: activation),
          x.linear(weight: asFloats(weight), bias: bias, activation: activation), within: Tolerance(relative: 1e-5))
      }
      expectClose(
        x.matrixProduct(weight, transposingOther: true), x.matrixProduct(asFloats(weight), transposingOther: true),
        within: Tolerance(relative: 2e-6))
    }
  }
}

@Suite struct `A quantized cell` {
  /// Values whose rows are whole numbers times one scale: what is quantized of them is themselves.
  private func whole(_ tensor: Tensor) -> Tensor {
    let width = tensor.shape.last ?? 1
    return Tensor(
      tensor.values.enumerated().map { index, value in
        index % width == 1 ? 1 : (max(-1, min(1, value)) * 127).rounded() / 127
      }, shape: tensor.shape)
  }

  @Test("takes a step from whole numbers as one of floats does", arguments: CellTests.names, [3, 48])
  func step(name: String, inputSize: Int) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) {
      for hiddenSize in [32, 50] {
        var passage = Passage<Cell>(batch: 7, time: 1, inputSize: inputSize, hiddenSize: hiddenSize)
        passage.cell = passage.cell.quantized()
        passage.input = whole(passage.input)
        passage.state.forEachTensor { name, tensor in if name == "hidden" { tensor = whole(tensor) } }
        var floats = passage
        floats.cell = asFloats(passage.cell)
        let schedule = Schedule(batch: 7, time: 1, lengths: [1, 1, 0, 1, 1, 1, 1])
        // A second product of a step sees what is no whole number.
        expectClose(
          passage.outcome(schedule), floats.outcome(schedule),
          within: Tolerance(relative: isOfOneProduct(type) ? 2e-5 : 0.05, absolute: 1e-5))
      }
    }
    check(try cellType(name))
  }

  @Test func `is faster or not, it is really of bytes`() {
    let cell = Passage<LSTMCell>(batch: 1, time: 1, inputSize: 3, hiddenSize: 32).cell
    #expect(cell.weightFormat == .floats)
    #expect(cell.quantized().weightFormat == .hiddenBytes)
    let wide = Passage<LSTMCell>(batch: 1, time: 1, inputSize: 32, hiddenSize: 32).cell.quantized()
    #expect(wide.weightFormat == .bytes)
    // What is not whole is rounded, so that the two differ.
    let passage = Passage<LSTMCell>(batch: 2, time: 3, inputSize: 32, hiddenSize: 32)
    let schedule = Schedule(batch: 2, time: 3)
    let (bytes, floats) = (
      wide.scan(passage.input, from: passage.state, along: schedule),
      asFloats(wide).scan(passage.input, from: passage.state, along: schedule)
    )
    #expect(bytes.outputs.values != floats.outputs.values)
  }
}
