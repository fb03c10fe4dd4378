// The Swift of Guides/Sequences.md, so that it compiles and does what the text says. DocumentationTests holds the text
// to it, word for word.
import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

private func greatestDifference(_ a: Tensor, _ b: Tensor) -> Float {
  zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

@Suite("The code of the guide to sequences runs")
struct SequencesGuideTests {
  @Test("which steps there are, and in which layout")
  func steps() throws {
    let x = random([2, 4, 3])
    let targets = random([2, 4, 1], seed: 2)
    let lstm = LSTM(inputSize: 3, hiddenSize: 5, returning: .everyStep)

    let steps = Steps(
      lengths: [4, 3],  // the second has no fourth step
      present: [[true, true, false, true], [true, true, true, true]],  // the first lacks its third
      resets: [[false, false, false, false], [false, true, false, false]])  // the second begins anew
    let (outputs, state) = lstm.scan(x, steps: steps)  // [2, 4, 5]; state.hidden and state.cell, [2, 5]

    #expect(outputs.at(0, axis: 0).at(2, axis: 0) == .zeros([5]) && state.cell.shape == [2, 5])
    let second = lstm.scan(x.slice(1..<2, axis: 0).slice(1..<3, axis: 1)).state.hidden
    #expect(greatestDifference(second.at(0, axis: 0), state.hidden.at(1, axis: 0)) < 1e-6)

    let timeFirst = x.transposed([1, 0, 2])  // [4, 2, 3]
    let alsoTimeFirst = lstm(timeFirst, steps: Steps(lengths: [4, 3], layout: .timeFirst))
    let ofOne = lstm(x.at(0, axis: 0))  // [4, 3] → [4, 5]

    #expect(alsoTimeFirst.transposed([1, 0, 2]) == lstm(x, lengths: [4, 3]))
    #expect(ofOne.shape == [4, 5])

    var model = Sequential(inputSize: 3, seed: 1) {
      LSTM(8, returning: .everyStep)
      Dense(1)
    }
    model.compile(optimizer: Adam(), loss: .meanSquaredError)
    let history = try model.fit(x, targets, steps: steps, epochs: 2)
    let loss = model.evaluate(x, targets, steps: steps).loss
    let predictions = model.predict(x, steps: steps)  // [2, 4, 1]

    #expect(history.losses.allSatisfy { $0.isFinite } && loss < history.losses[0])
    #expect(predictions.shape == [2, 4, 1])
  }

  @Test("both directions, kept apart")
  func directions() {
    let x = random([2, 4, 3])

    let both = Bidirectional<GRUCell>(inputSize: 3, hiddenSize: 5, returning: .everyStep, merge: .separate)
    let outputs = both(x)  // [2, 4, 2, 5]
    let (forward, backward) = (outputs.at(0, axis: 2), outputs.at(1, axis: 2))

    #expect(forward == both.forward(x) && backward == both.backward(x))
  }

  @Test("stacks whose levels are connected, and what each level says")
  func stacks() {
    let x = random([2, 4, 3])

    let model = Sequential(inputSize: 3) {
      Stacked<LSTM>([16, 16, 16], dropout: 0.2, connection: .highway, returning: .everyStep)
      Stacked<GRU>([16, 16], connection: .residual, returning: .everyStep)
      Stacked<LSTM>([16, 16], connection: .depthWise, returning: .everyStep)
      DepthGatedLSTM(16, options: .init(levels: 3))
    }

    let stack = Stacked<LSTM>(inputSize: 3, hiddenSizes: [8, 6])
    let levels = stack.scanLevels(x, steps: Steps(lengths: [4, 3])).outputs  // [2, 4, 8] and [2, 4, 6]

    #expect(model(x).shape == [2, 16])
    #expect(levels.map(\.shape) == [[2, 4, 8], [2, 4, 6]])
  }

  @Test("states that are learned, given and looked into")
  func states() {
    let x = random([2, 4, 3])

    let learned = LSTM(inputSize: 3, hiddenSize: 5, initial: .learned)
    let (_, state) = learned.scan(x)
    let (_, next) = learned.scan(x, from: state)

    #expect(learned.parameterCount == LSTM(inputSize: 3, hiddenSize: 5).parameterCount + 10)
    #expect(next.hidden != state.hidden)

    let inspection = learned.inspect(x)
    let memory = inspection.states.cell  // [2, 4, 5]: c after each step
    for (name, values) in inspection.gates {  // input, forget, candidate, output: each [2, 4, 5]
      print(name, values.mean().item)
    }

    #expect(memory.at(3, axis: 1).shape == [2, 5] && inspection.gates.count == 4)
  }

  @Test("training on windows of long sequences")
  func truncation() throws {
    let (x, y) = (random([4, 300, 3]), random([4, 300, 1], seed: 2))

    var model = Sequential(inputSize: 3, seed: 1) {
      Stacked<LSTM>([8, 8], returning: .everyStep)
      Dense(1)
    }
    model.compile(optimizer: Adam(), loss: .meanSquaredError)
    let history = try model.fit(x, y, epochs: 2, truncation: 50)

    #expect(history.losses.allSatisfy { $0.isFinite })

    var (lstm, optimizer) = (LSTM(inputSize: 3, hiddenSize: 1, returning: .everyStep), Adam())
    let before = lstm.tensors
    let trainer = Trainer(epochs: 2, truncation: 50)
    try trainer.fit(
      &lstm, optimizer: &optimizer, examples: Batch(x, y), carrying: LSTM.State.self
    ) { lstm, window, state in
      let (outputs, next) = lstm.scan(window.input, steps: window.steps, from: state)
      state = next
      return Loss.meanSquaredError(outputs, window.target, lengths: window.lengths)
    }

    #expect(lstm.tensors != before && lstm.tensors.allSatisfy { $0.isFinite })
  }

  @Test("a trained model, step by step")
  func streams() throws {
    let model = Sequential(inputSize: 3, seed: 1) {
      Stacked<LSTM>([16, 16], returning: .everyStep)
      Dense(2)
    }
    let x = random([2, 6, 3])
    let path = temporaryPath(".safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }

    var streams = try Streams(model, count: 2)
    for time in 0..<5 {
      let outputs = streams.push(x.at(time, axis: 1))  // [2, 3] → [2, 2]
      print(outputs)
    }

    let snapshot = streams  // where both stand; push goes on without touching it
    streams.append()  // a third, before its first step
    streams.remove(at: 0)
    streams.restart(at: 0)
    let three = snapshot.selecting([0, 0, 1])  // the first one twice

    #expect(streams.count == 2 && three.count == 3)

    try snapshot.save(to: path)
    var restored = try Streams(model, contentsOf: path)
    let sixth = restored.push(x.at(5, axis: 1))

    #expect(sixth == model(x).at(5, axis: 1))
  }

  @Test("attention over the outputs, and pooling by it")
  func attention() {
    let x = random([2, 4, 3])
    let encoder = LSTM(inputSize: 3, hiddenSize: 8, returning: .everyStep)

    let attention = Attention(.additive, querySize: 8, keySize: 8)
    let (keys, state) = encoder.scan(x, lengths: [4, 3])
    let (context, weights) = attention(state.hidden, over: keys, steps: Steps(lengths: [4, 3]))  // [2, 8] and [2, 4]

    #expect(context.shape == [2, 8] && weights[1, 3] == 0)

    let classifier = Sequential(inputSize: 3) {
      Bidirectional<LSTMCell>(16, returning: .everyStep)
      AttentionPooling()
      Dense(4)
    }

    #expect(classifier(x, lengths: [4, 3]).shape == [2, 4])
  }
}
