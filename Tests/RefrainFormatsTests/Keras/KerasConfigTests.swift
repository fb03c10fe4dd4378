import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

/// A Sequential of Keras' with an input `[B, 5, 3]` and these layers.
func kerasConfig(_ layers: (String, [String: JSONValue])..., input: JSONValue = [nil, 5, 3]) -> JSONValue {
  let all = [kerasObject("InputLayer", ["batch_shape": input, "name": "input_layer"])]
  return ["class_name": "Sequential", "config": ["layers": .array(all + layers.map { kerasObject($0.0, $0.1) })]]
}

/// What is wrong with a config; empty where nothing is.
private func problem(_ config: JSONValue) -> String {
  do throws(DataError) {
    _ = try KerasModel(config: config)
    return ""
  } catch {
    return error.problem
  }
}

@Suite struct `A Keras config` {
  @Test func `names everything that Refrain has not, at once`() {
    let config = kerasConfig(
      ("LSTM", ["name": "a", "units": 4, "recurrent_activation": "glu", "return_state": true]),
      ("Attention", ["name": "b"]),
      ("Dense", ["name": "c", "units": 0, "activation": ["class_name": "Custom"]]),
      ("Bidirectional", ["merge_mode": nil, "layer": kerasObject("Peephole", ["units": 3])]))
    #expect(
      problem(config) == """
        the Keras model has what Refrain has not: LSTM 'a': return_state is true, and Refrain has false alone, \
        LSTM 'a': recurrent_activation is "glu", which Refrain has not, \
        Attention 'b': Refrain has no such layer, Dense 'c': units is no positive number, \
        Dense 'c': activation is {"class_name":"Custom"}, which Refrain has not, \
        Peephole: Refrain has no such recurrent layer, Bidirectional: merge_mode is null, which Refrain has not
        """)
  }

  static let faults: [(kerasClass: String, config: [String: JSONValue], expected: String)] = [
    ("LSTM", ["units": 2, "return_state": true], "return_state is true"),
    ("LSTM", ["units": 2, "activation": ["class_name": "function", "config": "mine"]], "activation is {"),
    (
      "Bidirectional", ["layer": kerasObject("RNN", ["cell": kerasObject("StackedRNNCells", ["cells": []])])],
      "several cells"
    ),
    ("Lambda", ["function": "x"], "its own code, which Refrain does not run"),
    ("MaxPooling1D", ["pool_size": [2, 2]], "pool_size is not 1 positive numbers"),
    ("BatchNormalization", ["axis": [1]], "axis is [1]"),
    ("LSTM", ["units": 2, "dropout": 1], "dropout is not at least 0 and below 1"),
    ("SimpleRNN", ["units": 2, "activation": "sparsemax"], "activation is \"sparsemax\""),
    ("GRU", ["units": 1e300], "units is no positive number"),
    ("Dense", ["units": 2, "activation": "sparse_plus"], "activation is \"sparse_plus\""),
    ("LayerNormalization", ["axis": [1]], "axis is [1]"),
    ("LayerNormalization", ["rms_scaling": true], "rms_scaling is true"),
    ("ReLU", ["max_value": 6, "threshold": 1], "max_value, negative_slope and threshold together"),
    ("Dropout", ["rate": 0.5, "noise_shape": [nil, nil, 1]], "noise_shape"),
    ("Reshape", ["target_shape": [4, 4]], "cannot take the shape [4, 4]"),
    ("Reshape", ["target_shape": [4, -1]], "target_shape [4,-1] does not fit"),
    ("Reshape", ["target_shape": [1_000_000_000, 1_000_000_000, 1_000_000_000]], "does not fit"),
    ("ConvLSTM2D", ["filters": 2, "kernel_size": [2, 2]], "expected [B, T, size 1, size 2, C]"),
    ("ConvLSTM1D", ["filters": 2, "kernel_size": [2, 2]], "kernel_size is not 1 positive numbers"),
    ("Conv1D", ["filters": 2, "kernel_size": [2], "dilation_rate": [2]], "dilation_rate is [2]"),
    ("Conv1D", ["filters": 2, "kernel_size": [2], "strides": [2], "padding": "same"], "has a stride of 1"),
    ("Embedding", ["input_dim": 4, "output_dim": 3, "mask_zero": true], "Embedding: the input has shape"),
    ("InputLayer", ["batch_shape": [nil, 5, 3]], "no such layer"),
    (
      "TimeDistributed", ["layer": kerasObject("LSTM", ["units": 2])], "at each step lstm: the input has shape [B, 3]"
    ),
  ]

  @Test(arguments: faults.indices) func `says what is wrong with a layer`(index: Int) {
    let (kerasClass, config, expected) = Self.faults[index]
    let found = problem(kerasConfig((kerasClass, config)))
    #expect(found.contains(expected), "\(found)")
  }

  @Test func `refuses what would see masked steps otherwise than Keras does`() {
    let everyStep: [String: JSONValue] = ["units": 2, "return_sequences": true]
    #expect(problem(kerasConfig(("Masking", [:]), ("LSTM", everyStep), ("Flatten", [:]))).contains("follows a mask"))
    #expect(problem(kerasConfig(("Masking", [:]), ("LSTM", everyStep), ("Softmax", [:]))).contains("follows a mask"))
    #expect(problem(kerasConfig(("Masking", [:]), ("LSTM", ["units": 2]), ("Flatten", [:]))) == "")
  }

  @Test(
    arguments: [
      [nil, 5, 1e12], [nil, 1_000_000_000, 1_000_000_000], [nil], [nil, -1], [nil, "a"], [nil, 0, 3], nil,
    ] as [JSONValue]) func `refuses an input of shape`(shape: JSONValue)
  {
    #expect(problem(kerasConfig(("LSTM", ["units": 2]), input: shape)).contains("input"))
  }

  @Test func `refuses sizes whose product is no number of elements`() {
    let layers = (0..<3).map { _ in ("Dense", ["units": 200_000_000] as [String: JSONValue]) }
    let config = kerasConfig(layers[0], ("Flatten", [:]), input: [nil, 1_000_000, 3])
    #expect(problem(config).contains("its output is too large"))
  }

  @Test func `asks for no more memory than the weights are worth`() throws {
    let huge: [String: JSONValue] = ["units": 2_000_000_000, "use_bias": false]
    for config in [
      kerasConfig(("Dense", huge)), kerasConfig(("LSTM", huge)),
      kerasConfig(("LayerNormalization", ["center": false, "scale": false]), input: [nil, 5, 2_000_000_000]),
    ] {
      #expect(throws: DataError.self) { try KerasModel(config: config).sequential(HDF5Tree()) }
    }
  }

  @Test func `refuses functional models that are no chains`() throws {
    func layer(_ name: String, reads inputs: [String]) -> JSONValue {
      let tensors = inputs.map { name -> JSONValue in
        ["class_name": "__keras_tensor__", "config": ["keras_history": [.string(name), 0, 0]]]
      }
      return [
        "class_name": name == "in" ? "InputLayer" : "Dense", "name": .string(name),
        "config": ["name": .string(name), "units": 2, "batch_shape": [nil, 3]],
        "inbound_nodes": inputs.isEmpty ? [] : [["args": .array(tensors), "kwargs": ["mask": nil]]],
      ]
    }
    func model(_ layers: JSONValue..., output: String) -> JSONValue {
      let ends: [String: JSONValue] = ["input_layers": ["in", 0, 0], "output_layers": [.string(output), 0, 0]]
      return ["class_name": "Functional", "config": .object(ends.merging(["layers": .array(layers)]) { $1 })]
    }
    let (a, b) = (layer("a", reads: ["in"]), layer("b", reads: ["a"]))
    #expect(problem(model(layer("in", reads: []), a, b, output: "b")) == "")
    #expect(problem(model(layer("in", reads: []), a, b, output: "a")).contains("one output"))
    #expect(problem(model(layer("in", reads: []), a, layer("b", reads: ["in"]), output: "b")).contains("'b' does not"))
    #expect(problem(model(layer("in", reads: []), a, layer("b", reads: ["a", "in"]), output: "b")).contains("'b'"))
    #expect(problem(["class_name": "Bert"]).contains("of the class 'Bert'"))
  }

  @Test(arguments: [
    ("LSTM", "lstm"), ("SimpleRNN", "simple_rnn"), ("ConvLSTM2D", "conv_lstm2d"), ("ReLU", "re_lu"),
    ("LayerNormalization", "layer_normalization"), ("SpatialDropout1D", "spatial_dropout1d"),
    ("TimeDistributed", "time_distributed"),
  ]) func `has Keras' names for classes`(kerasClass: String, name: String) {
    var names = KerasNames()
    #expect(
      [names.next(kerasClass), names.next(kerasClass), names.next(kerasClass)] == [name, name + "_1", name + "_2"])
  }
}

@Suite struct `A model on its way to Keras` {
  /// Every layer that Keras has too, in models that fit an input of three features.
  static let models: [Sequential] = [
    Sequential(inputSize: 3, seed: 1) {
      Conv1D(3, kernel: 2, padding: .causal, activation: .tanh)
      Masking(0.5)
      LSTM(4, returning: .everyStep).regularized(by: Regularization(inputDropout: 0.25, recurrentDropout: 0.5))
      Bidirectional<GRUCell>(3, returning: .everyStep, merge: .sum)
      Dropout(0.25)
      LayerNorm()
      GRUResetBefore(4, returning: .everyStep)
      Stacked<LSTM>([3, 5], dropout: 0.25, returning: .everyStep)
      Stacked<Bidirectional<TanhRNNCell>>([3, 2], dropout: 0, returning: .lastStep)
      Dense(3, activation: .silu)
      Activate(.softmax)
    },
    Sequential(exampleShape: [4, 3], seed: 2) {
      Dropout(0.5, mask: .sequence)
      Sequential(inputSize: 3) {
        ReLURNN(4, returning: .everyStep)
        GRU(6, returning: .everyStep)
      }
      Flatten()
      Reshape([2, 12])
      Recurrent<LSTMCell>(2, returning: .lastStep, direction: .backward)
    },
    Sequential(exampleShape: [4, 5, 3], seed: 3) {
      ConvLSTM(2, kernel: [3], strides: [2], padding: .valid, returning: .everyStep)
      ConvLSTM(2, kernel: [2])
    },
    Sequential(seed: 4) {
      Embedding(9, 4, maskZero: true)
      GRU(3)
    },
  ]

  /// The model with every value moved, so that biases differ from what they begin with.
  static func moved(_ model: Sequential) -> Sequential {
    var generator = RandomGenerator(seed: 5)
    return model.mapTensors { $0 + Tensor.normal($0.shape, deviation: 0.3, using: &generator) }
  }

  @Test(arguments: models.indices) func `is the same model when it comes back`(index: Int) throws {
    let model = Self.moved(Self.models[index])
    let shape = model.inputShape.enumerated().map { $1 ?? ($0 == 0 ? 2 : 4) }
    var generator = RandomGenerator(seed: 6)
    let input =
      index == 3 ? Tensor([[3, 1, 0, 8], [0, 2, 0, 5]]) : Tensor.normal(shape, using: &generator)

    let config = try KerasFile.kerasConfig(of: model)
    let back = try KerasModel(config: JSONValue(Array(config.text.utf8))).sequential(model.kerasTree())
    #expect(back(input) == model(input))
    #expect(try KerasFile.kerasConfig(of: back) == config)

    var other = Self.models[index]
    #expect(other(input) != model(input))
    try other.takeKerasWeights(model.kerasTree())
    #expect(other(input) == model(input))
    #expect(other.tensors.map(\.shape) == model.tensors.map(\.shape))
  }

  @Test func `names everything that Keras has not, at once`() {
    func problem(_ model: Sequential) -> String {
      do throws(DataError) {
        _ = try KerasFile.kerasConfig(of: model)
        return ""
      } catch {
        return error.code == .inexactConversion ? error.problem : "\(error)"
      }
    }
    let model = Sequential(inputSize: 3) {
      LSTM(4, returning: .everyStep, initial: .learned)
      GRU(4, returning: .everyStep).regularized(by: Regularization(zoneoutHidden: 0.5))
      Bidirectional<LSTMCell>(4, returning: .everyStep, merge: .multiply)
      Recurrent<LSTMCell>(3, returning: .everyStep, direction: .backward)
      Bidirectional<LSTMCell>(4, returning: .lastStep, merge: .separate)
      Dense(4, activation: .gelu)
    }
    #expect(
      problem(model) == """
        the model cannot be written for Keras: Keras learns no initial state, Keras has no zoneout and no dropout of \
        weights, a backward layer's outputs of every step stand in reversed order in Keras, Keras gives separate \
        directions as a list of two outputs, the activation gelu is another function in \
        Keras, which is geluExact here
        """)
    let others = Sequential(inputSize: 3) {
      Recurrent<PeepholeLSTMCell>(3, returning: .everyStep)
      AttentionPooling()
    }
    #expect(problem(others).hasSuffix("there is no peephole-lstm, there is no attention-pooling"))
    let residual = Sequential(inputSize: 3) { Stacked<LSTM>([3, 3], connection: .residual) }
    #expect(problem(residual).hasSuffix("Keras has no connection 'residual' between recurrent layers"))
  }

  @Test func `takes no weights unless all of them fit`() throws {
    var model = Sequential(inputSize: 3, seed: 1) {
      LSTM(4)
      Dense(2)
    }
    let before = model.tensors
    var tree = try model.kerasTree()
    tree.arrays["layers/dense/vars/0"] = NumericArray([1, 2], shape: [1, 2])
    tree.arrays["layers/lstm/cell/vars/1"] = nil
    tree.arrays["layers/gru/cell/vars/1"] = NumericArray([1, 2], shape: [2])
    do throws(DataError) {
      try model.takeKerasWeights(tree)
      Issue.record("the weights were taken")
    } catch {
      #expect(error.code == .damagedFile)
      #expect(
        error.problem == """
          the weights do not fit the model: 'layers/lstm/cell/vars/1' is missing, 'layers/dense/vars/0' has the shape \
          [1, 2], expected [4, 2], 'layers/gru/cell/vars/1' is left over
          """)
    }
    #expect(model.tensors == before)
  }
}
