import RefrainTestSupport
import Testing

@testable import Refrain

/// Live sequences through whole models. What a single cell does in place is in StreamingTests.
@Suite("Streams")
struct StreamsTests {
  private func model(_ connection: Connection = .direct) -> Sequential {
    Sequential(inputSize: 3, seed: 5) {
      Dense(4, activation: .tanh)
      Stacked<LSTM>([6, 6, 6], dropout: 0.3, connection: connection, returning: .everyStep, initial: .learned)
      LayerNorm()
      Dropout(0.5)
      Sequential(inputSize: 6) {
        GRU(17, returning: .everyStep)
        RNN(5, returning: .everyStep)
      }
      Dense(2, activation: .softmax)
    }.filledWithRamps(scale: 0.5)
  }

  /// The step `step` of a batch `[B, T, I]`.
  private func step(_ step: Int, of batch: Tensor) -> Tensor { batch.at(step, axis: 1) }

  @Test("steps pushed one by one give the batch's outputs, to the bit", arguments: Connection.allCases, [1, 3, 11])
  func equalsBatch(connection: Connection, count: Int) throws {
    let model = model(connection)
    let x = ramp([count, 7, 3])
    let expected = model(x)
    var streams = try Streams(model, count: count)
    for index in 0..<7 {
      expectSameBits(streams.push(step(index, of: x)), expected.at(index, axis: 1), "step \(index)")
    }
  }

  @Test("so does every cell in a layer, from a fixed and from a learned state", arguments: CellTests.names)
  func cells(name: String) throws {
    func check<Cell: RecurrentCell>(_ type: Cell.Type) throws {
      var generator = RandomGenerator(seed: 1)
      for initial in InitialState.allCases {
        let layer = Recurrent<Cell>(
          inputSize: 3, hiddenSize: 17, returning: .everyStep, initial: initial, using: &generator
        ).filledWithRamps(scale: 0.4)
        let x = ramp([4, 6, 3])
        let (outputs, state) = layer.scan(x)
        var streams = try Streams(layer, count: 4)
        for index in 0..<6 {
          expectSameSteps(of: Cell.self, streams.push(step(index, of: x)), outputs.at(index, axis: 1))
        }
        expectSameSteps(of: Cell.self, streams.memory, state)
      }
    }
    try check(cellType(name))
  }

  @Test("a model of tokens, and one that returns its last step: that is the present one")
  func tokens() throws {
    let model = Sequential(seed: 2) {
      Embedding(9, 4)
      LSTM(5)
      Dense(3)
    }
    let tokens = Tensor([[1, 8, 0, 3], [2, 2, 7, 5]])
    var streams = try Streams(model, count: 2)
    for length in 1...4 {
      let outputs = streams.push(tokens.at(length - 1, axis: 1))
      expectSameBits(outputs, model(tokens.slice(0..<length, axis: 1)))
    }
    var single = try Streams(LSTM(inputSize: 2, hiddenSize: 3))
    let values = single.push([0.5, -1])
    #expect(values.count == 3 && values == single.memory.hidden.values)
  }

  @Test("a copy is a snapshot: each goes its own way, and the one that was kept goes on from where it stood")
  func snapshots() throws {
    let x = ramp([2, 6, 3])
    var streams = try Streams(model(), count: 2)
    for index in 0..<3 { _ = streams.push(step(index, of: x)) }
    let snapshot = streams
    let kept = snapshot.memory.tensors.map(\.values)
    let after = (3..<6).map { streams.push(step($0, of: x)) }
    #expect(snapshot.memory.tensors.map(\.values) == kept)
    var fork = snapshot
    #expect(fork.push(ramp([2, 3], 9)) != after[0])
    var restored = snapshot
    for (index, expected) in after.enumerated() { expectSameBits(restored.push(step(3 + index, of: x)), expected) }
  }

  @Test("streams are added, dropped, copied and begun anew, and the others do not notice")
  func membership() throws {
    let model = model()
    let x = ramp([4, 6, 3])
    /// What a stream alone says of the steps `range` of a row.
    func alone(_ row: Int, _ range: Range<Int>) throws -> Tensor {
      var stream = try Streams(model)
      var output = Tensor(0)
      for index in range { output = stream.push(x.at(row, axis: 0).slice(index..<index + 1, axis: 0)) }
      return output.at(0, axis: 0)
    }
    var streams = try Streams(model, count: 2)
    _ = streams.push(rows([0, 1], of: step(0, of: x)))
    streams.append(count: 2)
    #expect(streams.count == 4)
    let second = streams.push(step(1, of: x))
    for (row, first) in [0, 0, 1, 1].enumerated() { expectSameBits(second.at(row, axis: 0), try alone(row, first..<2)) }
    streams.remove(at: 1)
    streams.restart(at: 1)
    let third = streams.push(rows([0, 2, 3], of: step(2, of: x)))
    for (place, (row, first)) in [(0, 0), (2, 2), (3, 1)].enumerated() {
      expectSameBits(third.at(place, axis: 0), try alone(row, first..<3), "place \(place)")
    }
    var twins = streams.selecting([2, 0, 2])
    twins.append(streams.selecting([1]))
    let fourth = twins.push(rows([3, 0, 3, 2], of: step(3, of: x)))
    for (place, (row, first)) in [(3, 1), (0, 0), (3, 1), (2, 2)].enumerated() {
      expectSameBits(fourth.at(place, axis: 0), try alone(row, first..<4), "place \(place)")
    }
    var none = try Streams(model, count: 0)
    #expect(none.push(.zeros([0, 3])).shape == [0, 2])
  }

  @Test("what needs a whole sequence is refused, with the layer and the reason")
  func refusals() {
    func problem(_ model: some SteppingLayer) -> String {
      do throws(LayerError) {
        _ = try Streams(model)
        return ""
      } catch { return error.description }
    }
    func problem(@LayerBuilder _ layers: () -> [any Layer]) -> String {
      problem(Sequential(inputSize: 3, seed: 1, layers))
    }
    let reason = "begins at the end of a sequence, which a stream does not have"
    #expect(
      problem {
        Dense(3)
        Bidirectional<GRUCell>(4)
      } == "layer 1: bidirectional-gru: its backward direction \(reason)")
    #expect(
      problem { Stacked<Bidirectional<GRUCell>>([4, 4]) }
        == "layer 0: bidirectional-gru: its backward direction \(reason)")
    #expect(
      problem {
        LSTM(4, returning: .everyStep)
        AttentionPooling()
      } == "layer 1: attention-pooling: it needs the whole sequence, which a stream does not have")
    #expect(
      problem {
        Sequential(inputSize: 3) { LSTM(4, returning: .everyStep, direction: .backward) }
      } == "layer 0: layer 0: lstm: going backward \(reason)")
    #expect(problem { LSTM(4) } == "")
  }

  @Test("thousands of steps need no more memory than one: states are written where they lie")
  func memory() async {
    await #expect(processExitsWith: .success) {
      var streams = try Streams(
        Sequential(inputSize: 3, seed: 5) {
          Stacked<LSTM>([16, 16], returning: .everyStep)
          GRU(16)
          Dense(2)
        }, count: 2)
      let step = Tensor.ones([2, 3])
      func places() -> [UnsafePointer<Float>] { streams.memory.tensors.map { tensor in tensor.read { $0 } } }
      for _ in 0..<3 { _ = streams.push(step) }
      let (before, bytes) = (places(), TensorMemory.bytes)
      TensorMemory.resetPeak()
      for _ in 0..<2000 {
        _ = streams.push(step)
        // At every step: copies would take turns in the same two places.
        precondition(places() == before, "a state was copied")
      }
      precondition(TensorMemory.bytes == bytes, "\(TensorMemory.bytes) bytes, before \(bytes)")
      precondition(TensorMemory.peakBytes - bytes < 10_000, "\(TensorMemory.peakBytes - bytes) bytes at a step")
    }
  }
}
