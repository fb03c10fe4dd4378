import Testing

@testable import Refrain

/// A programmer's mistake stops the program with a message that holds both shapes. Each case runs in a process of its
/// own.
@Suite("A wrong shape stops the program and says both shapes")
struct RequireTests {
  private func expect(_ result: ExitTest.Result?, says text: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    let message = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(message.contains(text), sourceLocation: sourceLocation)
  }

  @Test("when two tensors cannot be broadcast together")
  func broadcasting() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]) + Tensor.zeros([2, 4])
    }
    expect(result, says: "the shapes [2, 3] and [2, 4] do not fit together")
    let lower = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]) + Tensor.zeros([5])
    }
    expect(lower, says: "the shapes [2, 3] and [5] do not fit together")
  }

  @Test("when a group is given too few or too many tensors")
  func groups() async {
    let few = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Dense(inputSize: 3, outputSize: 2).replacingTensors([.zeros([2, 3])])
    }
    expect(few, says: "1 tensors were given for a group of 2")
    let many = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(1).replacingTensors([Tensor(1), Tensor(2)])
    }
    expect(many, says: "2 tensors were given for a group of 1")
  }

  @Test("when a layer that keeps all its steps is to compute them again")
  func recomputation() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = RandomGenerator(seed: 1)
      let layer = GridLSTM(2).built(for: [1, 4, 3, 2], using: &generator)
      _ = valueAndGradient(at: layer, checkpointInterval: 2) { $0(.zeros([1, 4, 3, 2])).sum() }
    }
    expect(result, says: "grid-lstm keeps all its steps for the backward pass; train it without a checkpointInterval")
  }

  @Test("when ranges or indices are outside")
  func ranges() async {
    let axes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4])[0..<2, 0..<1]
    }
    expect(axes, says: "2 ranges for a tensor of shape [4]")
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4, 3])[0..<2, 5...]
    }
    expect(end, says: "the range 5..<5 is outside axis 1 of a tensor of shape [4, 3]")
    let index = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([4, 3]).at(-4, axis: 1)
    }
    expect(index, says: "the index -4 is outside axis 1 of a tensor of shape [4, 3]")
    let literal = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = [[1, 2], [3]] as Tensor
    }
    expect(literal, says: "the elements of a tensor's literal differ in shape: [[2], [1]]")
  }

  @Test("when a product's matrices do not fit")
  func product() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).matrixProduct(.zeros([4, 5]))
    }
    expect(result, says: "a matrix product of shapes [2, 3] and [4, 5]: the inner sizes 3 and 4 differ")
    let batch = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([6, 2, 3]).matrixProduct(.zeros([5, 3]), transposingOther: false)
    }
    expect(batch, says: "a matrix product of shapes [6, 2, 3] and [5, 3]: the inner sizes 3 and 5 differ")
  }

  @Test("when a layer's input has another size")
  func layers() async {
    let dense = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Dense(inputSize: 3, outputSize: 2)(.zeros([4, 5]))
    }
    expect(dense, says: "an input of shape [4, 5] does not fit weights of shape [2, 3]")
    let recurrent = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = LSTM(inputSize: 3, hiddenSize: 2)(.zeros([4, 5]))
    }
    expect(recurrent, says: "lstm: the input has shape [4, 5], expected [B, T, 3]")
  }

  @Test("when a state or lengths do not fit the batch")
  func batches() async {
    let state = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layer = GRU(inputSize: 3, hiddenSize: 2)
      _ = layer.scan(.zeros([4, 5, 3]), from: layer.cell.initialState(batch: 3))
    }
    expect(state, says: "gru: hidden of the state has shape [3, 2], expected [4, 2]")
    let lengths = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = GRU(inputSize: 3, hiddenSize: 2).scan(.zeros([2, 5, 3]), lengths: [6, 1])
    }
    expect(lengths, says: "the lengths [6, 1] do not fit 2 sequences of 5 steps")
  }

  @Test("when a model is stacked wrongly")
  func stacking() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Sequential(inputSize: 3) {
        LSTM(4)
        LSTM(2)
      }
    }
    expect(result, says: "layer 1: lstm: the input has shape [B, 4], expected [B, T, I]")
  }

  @Test("when a batch without steps has more sequences than can have a state")
  func hugeBatch() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = LSTM(inputSize: 3, hiddenSize: 4)(.zeros([1 << 40, 0, 3]))
    }
    expect(result, says: "a batch of 1099511627776 sequences without steps; at most 16777216 have a state each")
  }

  @Test("when labels are to be aligned that are no symbols")
  func alignment() async {
    let label = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = CTCAlignment(.zeros([4, 3]), labels: [1, 3])
    }
    expect(label, says: "label 1 is 3, and there are 3 symbols, from 0")
    let blank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = CTCAlignment(.zeros([4, 3]), labels: [1], blank: -1)
    }
    expect(blank, says: "the blank is -1, and there are 3 symbols, from 0")
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = CTCAlignment(.zeros([2, 4, 3]), labels: [1])
    }
    expect(rank, says: "log-probabilities of shape [2, 4, 3]; expected [T, V] of one sequence")
    let greedy = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = CTCPrefixSearch.greedy(.zeros([2, 4, 3]))
    }
    expect(greedy, says: "log-probabilities of shape [2, 4, 3]; expected [T, V] of one sequence")
  }

  @Test("when scores of a chain are not numbers")
  func chain() async {
    let best = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let field = ConditionalRandomField(transitions: .zeros([2, 2]), start: .zeros([2]), end: .zeros([2]))
      _ = field.bestPaths(Tensor([0, 1, 0, 0, 0, 0, 1, .nan], shape: [2, 2, 2]))
    }
    expect(best, says: "the score of tag 1 at step 1 of sequence 1 is not a number")
    let several = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let field = ConditionalRandomField(transitions: .zeros([2, 2]), start: .zeros([2]), end: .zeros([2]))
      _ = field.bestPaths(Tensor(repeating: .nan, shape: [1, 2, 2]), count: 2)
    }
    expect(several, says: "the score of tag 0 at step 0 of sequence 0 is not a number")
    let transitions = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let field = ConditionalRandomField(
        transitions: Tensor([0, .nan, 0, 0], shape: [2, 2]), start: .zeros([2]), end: .zeros([2]))
      _ = field.marginals(.zeros([1, 2, 2]))
    }
    expect(transitions, says: "transition score 1 of a conditional random field is not a number")
  }

  @Test("when a beam is set to what it cannot be, or a decoder's attention has another shape")
  func beam() async {
    let width = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var search = BeamSearch(width: 3, rules: DecodingRules(maximumLength: 2))
      search.width = 0
    }
    expect(width, says: "the beam is 0 wide, and must have at least 1")
    let count = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var search = BeamSearch(width: 3, rules: DecodingRules(maximumLength: 2))
      search.count = 4
    }
    expect(count, says: "the 4 best answers of a beam of 3 were asked for")
    let attention = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      struct Flat: SteppingDecoder {
        var vocabulary: Int { 2 }
        func step(_ tokens: [Int], _ state: inout NoMemory, context: NoMemory) -> DecoderOutput {
          DecoderOutput(logits: .zeros([tokens.count, 2]), attention: .zeros([tokens.count]))
        }
      }
      let search = BeamSearch(width: 1, keepsAttention: true, rules: DecodingRules(maximumLength: 2))
      _ = search(Flat(), from: DecodingStart(tokens: [0]))
    }
    expect(attention, says: "a decoder gave attention of shape [1], expected 1 rows")
  }

  @Test("when an attribution's baseline has another shape than the input")
  func baselines() async {
    let occlusion = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let score = { (inputs: Tensor) in inputs.sum(axes: [1, 2]) }
      _ = Attribution.occlusionOfSteps(of: score, at: .ones([3, 2]), by: .zeros([2, 3]))
    }
    expect(occlusion, says: "a baseline of shape [2, 3] for an input of [3, 2]")
    let faith = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let score = { (inputs: Tensor) in inputs.sum(axes: [1, 2]) }
      _ = Faithfulness(of: [1, 1, 1], for: score, at: .ones([3, 2]), from: .zeros([3, 1]))
    }
    expect(faith, says: "a baseline of shape [3, 1] for an input of [3, 2]")
  }

  @Test("when the loss is not one number")
  func loss() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = valueAndGradient(at: Tensor([1, 2])) { $0 * 2 }
    }
    expect(result, says: "the loss has shape [2], and must be one number")
  }
}
