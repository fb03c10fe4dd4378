// Names for the layers of the cells that are most used. Every other cell is a layer as `Recurrent<Cell>`.

/// Long short-term memory.
public typealias LSTM = Recurrent<LSTMCell>
/// Gated recurrent unit, reset gate after the product.
public typealias GRU = Recurrent<GRUCell>
/// Gated recurrent unit, reset gate before the product.
public typealias GRUResetBefore = Recurrent<GRUResetBeforeCell>
/// Elman network with the hyperbolic tangent.
public typealias RNN = Recurrent<TanhRNNCell>
/// Elman network with the rectifier.
public typealias ReLURNN = Recurrent<ReLURNNCell>
/// Gated recurrent unit with an attentional update gate.
public typealias AttentionGRU = Recurrent<AttentionGRUCell>
/// Depth-gated LSTMs one on another.
public typealias DepthGatedLSTM = Recurrent<DepthGatedLSTMCell>
/// Gated recurrent unit for missing values and steps at irregular times.
public typealias GRUD = Recurrent<GRUDCell>
/// Long short-term memory with a matrix as cell state.
public typealias MatrixLSTM = Recurrent<MatrixLSTMCell>
/// Long short-term memory for steps at irregular times, each unit with a rhythm of its own.
public typealias PhasedLSTM = Recurrent<PhasedLSTMCell>
/// Long short-term memory with exponential gates.
public typealias SLSTM = Recurrent<SLSTMCell>
/// Long short-term memory for steps at irregular times, whose memory fades with the time between them.
public typealias TimeAwareLSTM = Recurrent<TimeAwareLSTMCell>
