import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Connections between the levels of a stack")
struct ConnectionTests {
  private let fixture = try! Fixture("depth")

  @Test("equal PyTorch's, outputs and all gradients", arguments: [Connection.residual, .highway, .depthWise])
  func parity(connection: Connection) throws {
    let expected = fixture.under(connection == .depthWise ? "depth_wise" : "\(connection)")
    try check(
      Stacked<LSTM>(inputSize: 4, hiddenSizes: [4, 4, 4], connection: connection, returning: .everyStep), expected)
  }

  @Test("the depth-gated LSTM equals the formulas in double precision")
  func depthGated() throws {
    let layer = DepthGatedLSTM(inputSize: 3, hiddenSize: 4, returning: .everyStep, options: .init(levels: 3))
    try check(layer, fixture.under("depth_gated")) { String($0.dropLast(3)) }
  }

  private func check<L: RecurrentLayer>(
    _ layer: L, _ expected: Fixture, naming rename: (String) -> String = { $0 }
  ) throws {
    let filled = try layer.filled(from: expected, naming: rename)
    let lengths = try expected.integers("lengths")
    let (x, cotangent) = (try expected("x"), try expected("cotangent"))
    expectClose(filled(x, lengths: lengths), try expected("outputs"), "the outputs")
    expectClose(filled.lastOutput(filled.scan(x, lengths: lengths).state), try expected("last"), "the last outputs")
    let gradient = valueAndGradient(at: filled) { ($0(x, lengths: lengths) * cotangent).sum() }.gradient
    for (name, tensor) in gradient.namedTensors {
      expectClose(tensor, try expected.under("grad")(rename(name)), "the gradient by \(name)")
    }
    let byInput = valueAndGradient(at: x) { (filled($0, lengths: lengths) * cotangent).sum() }.gradient
    expectClose(byInput, try expected.under("grad")("x"), "the gradient by x")
  }

  @Test(
    "the last output is that of the last valid step, forward and in both directions", arguments: Connection.allCases)
  func lastOutput(connection: Connection) {
    func check<Level: RecurrentLayer>(_ level: Level.Type) {
      var generator = RandomGenerator(seed: 3)
      func stack(_ returning: Returning) -> Stacked<Level> {
        Stacked<Level>([4, 4, 4], connection: connection, returning: returning)
          .built(for: [nil, nil, 3], using: &generator).filledWithRamps()
      }
      let (every, last) = (stack(.everyStep), stack(.lastStep))
      let (x, lengths) = (ramp([3, 5, 3]), [5, 2, 4])
      let outputs = every(x, lengths: lengths)
      let found = last(x, lengths: lengths)
      let size = 4
      for (row, length) in lengths.enumerated() {
        let steps = outputs.at(row, axis: 0)
        expectClose(
          found.at(row, axis: 0).slice(0..<size, axis: 0), steps.at(length - 1, axis: 0).slice(0..<size, axis: 0))
        // A backward half ends at the first step. Connections that mix the halves see them at two times.
        if found.shape[1] == 2 * size, connection == .direct || connection == .residual {
          expectClose(
            found.at(row, axis: 0).slice(size..<2 * size, axis: 0), steps.at(0, axis: 0).slice(size..<2 * size, axis: 0)
          )
        }
        let padding = steps.slice(length..<5, axis: 0)
        #expect(padding == .zeros(padding.shape))
      }
      expectWalkIsComplete(every)
      expectGradientMatchesDifferences(at: every, "\(connection)") { [$0(x, lengths: lengths)] }
    }
    check(GRU.self)
    if connection == .direct || connection == .residual { check(Bidirectional<GRUCell>.self) }
  }

  @Test("every level's outputs are to be had, and the last are the stack's", arguments: Connection.allCases)
  func levels(connection: Connection) {
    let stack = Stacked<LSTM>(inputSize: 3, hiddenSizes: [4, 4, 4], connection: connection, returning: .everyStep)
    let (x, lengths) = (ramp([3, 5, 3]), [5, 2, 4])
    let (outputs, state) = stack.scanLevels(x, steps: Steps(lengths: lengths))
    let whole = stack.scan(x, lengths: lengths)
    #expect(outputs.count == 3)
    expectSameBits(outputs[2], whole.outputs)
    expectSameBits(state, whole.state)
    let first = stack.levels[0].scan(x, lengths: lengths)
    if connection != .depthWise { expectSameBits(outputs[0], first.outputs) }
    let second = stack.levels[1].scan(outputs[0], lengths: lengths)
    expectSameBits(state[1], second.state)
    if connection == .residual { expectSameBits(outputs[1], outputs[0] + second.outputs) }
  }

  @Test("dropout acts on what a level reads, not on what goes past it")
  func dropout() {
    let stack = Stacked<LSTM>(
      inputSize: 3, hiddenSizes: [4, 4], dropout: 0.5, connection: .residual, returning: .everyStep)
    let x = ramp([3, 5, 3])
    let plain = stack.scanLevels(x)
    nonisolated(unsafe) var trained = plain
    _ = valueAndGradient(at: stack) { stack in
      trained = stack.scanLevels(x)
      return trained.outputs[1].sum()
    }
    expectSameBits(trained.outputs[0], plain.outputs[0])
    #expect(trained.outputs[1] != plain.outputs[1])
    // The last step's output is the sum of both levels' states, of which only the upper one knows of dropout.
    expectClose(trained.outputs[1].at(-1, axis: 1), plain.state[0].hidden + trained.state[1].hidden)
    #expect(trained.state[1].hidden != plain.state[1].hidden)
  }

  @Test("levels of different widths are refused where they are to be connected")
  func widths() {
    func problem(_ connection: Connection) -> String? {
      do throws(LayerError) {
        _ = try Stacked<LSTM>([4, 4, 5], connection: connection).outputShape(for: [nil, nil, 3])
        return nil
      } catch { return error.description }
    }
    #expect(problem(.direct) == nil)
    #expect(
      problem(.residual)
        == "stacked-lstm: the connection 'residual' wants levels of one width, and level 2 makes [B, T, 5] of [B, T, 4]"
    )
    #expect(throws: LayerError.self) {
      try DepthGatedLSTM(4, options: .init(levels: 0)).outputShape(for: [nil, nil, 3])
    }
  }
}
